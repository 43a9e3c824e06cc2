"""How often `tlstudy audit` is wrong: on sound trainings and on trainings with a planted flaw."""
