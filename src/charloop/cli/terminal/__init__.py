"""What the terminal shows.

`training_screen`, `sweep_screen`: the screens of two commands; `base_screen`: what they share
`screen_words`: the words and figures of the training screen
`picture`, `curve`: its live part, a loss curve and samples
`bar`: the progress bar; `progress`: one line for commands without a screen
`tables`, `comparison_tables`: tables of any kind, and those of comparisons
`surprise_colors`: text coloured by surprise; `output`: control characters, and readers that exit
"""
