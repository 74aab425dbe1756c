"""`charloop sample --interactive`: the editor in which a person and a network write one text."""
