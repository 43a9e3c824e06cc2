include: "workflow/Snakefile"


# The default target of an included file does not count as ours.
rule study:
    default_target: True
    input:
        rules.all.input,
    message:
        "The study is complete; its report is {input[0]}"
