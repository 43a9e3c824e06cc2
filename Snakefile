include: "workflow/Snakefile"


# The default target of an included file does not count as ours.
rule study:
    default_target: True
    input:
        rules.all.input,
    message:
        "End of the study; its report: {input[0]}"
