"""Reading and writing files.

`atomic`: files that are complete or absent, even after a power cut
`output`: a file or pipe that a user names, never overwritten unless asked
`cache`: the cache folder, whose files can be made again
`small`: settings, prompts and lists, read whole, guarded against endless input
"""
