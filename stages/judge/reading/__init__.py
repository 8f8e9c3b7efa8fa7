"""How the offline judges read a text: clauses of typed words, amounts and negations."""
