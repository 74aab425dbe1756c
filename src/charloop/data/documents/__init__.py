"""Texts that are divided into documents: the rule, the cutting, the order."""
