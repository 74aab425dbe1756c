"""`--preset auto`: settings chosen for a text, a time and this machine's speed.

`rule`: the tables that it follows (rule.toml); `choosing`: the choice, a function of numbers; `resolving`: the choice
for a text on this machine; `speed`: the timing; `fitting`: whether a step fits into memory; `wording`: the reasons
"""
