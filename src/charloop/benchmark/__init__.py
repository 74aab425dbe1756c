"""Timings of charloop on this machine: the unrollings side by side, and the speed of training and sampling."""
