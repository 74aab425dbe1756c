"""How far a run is: its pace, and the line that a notebook shows."""
