"""For those who change lessons: both languages in step, lessons run from the command line, results in the READMEs."""
