"""Training: the compiled step, the loop around it, and what a run records and saves.

`run`: start a run, or resume it; `new_runs`: what a new one starts from, and a test that finds a learning rate
`session`: what stays the same while it trains; `state`: what changes
`loop`: when to evaluate, sample, save and stop; `step`: the compiled update
`optimizer`, `schedule`: the update rule; the learning rate and the budget
`update_guard`: which updates are discarded, and when a run has diverged
`checkpoints`: the state saved and found again; `metrics`: the losses, written and read
`events`: what a listener receives; `loggers`: the programs that pass it on
`samples`, `baselines`: texts written on the way; simpler predictors to compare with
`interrupt`: Ctrl-C; `provenance`: libraries and devices; `verification`: steps repeated and compared
"""
