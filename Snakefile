include: "workflow/Snakefile"


# The default target of an included file does not count as ours.
rule study:
    default_target: True
    input:
        rules.all.input,
    message:
        f"The study is complete; see {pages[0] if pages else folder}"
