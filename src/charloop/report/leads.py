"""How each section is read: a sentence or two for a newcomer, and whose idea it was."""

LEADS = {
    "curves": "The loss is what a character costs the network that it did not see coming: the less, the better. "
    "Dashed lines are simpler ways to predict the same text. The strong line is the loss on text set "
    "apart; where it rises while the thin one goes on falling, the network learns its text by heart.",
    "samples": "Each time from nothing, by chance, one character after the other. A low temperature keeps to "
    "what is likely; 1 is the network’s own opinion. After Karpathy (2015), <cite>The unreasonable "
    "effectiveness of recurrent neural networks</cite>.",
    "surprise": "Each character is coloured by its surprise: the bits that it cost the network, which had read "
    "all of the text before it. 0 bits: it was certain. 1 bit: an even bet. Each bit more halves the "
    "odds. Words are mostly decided in their first letters. Surprise is Shannon’s (1948); to colour a "
    "text by its predictions, Karpathy’s (2015).",
    "atlas": "A network’s memory is some hundreds of numbers, its units. Blue is where one is low, orange "
    "where it is high. Marks (inside quotes, place in the line, ...) are compared with all units; the "
    "score is the correlation on text that the unit was not chosen on, and chance is what the same "
    "search finds among marks moved to where they do not belong. Much is in the characters "
    "themselves, so the same network before any training is compared too. Layer 0 reads the "
    "characters. A unit that follows a mark need not be what the network uses. After Karpathy, "
    "Johnson and Li (2015), <cite>Visualizing and understanding recurrent networks</cite>, who found "
    "such units by eye.",
    "gates": "Gates decide what is kept, taken in and let out. A point is a unit: how often its gate is shut "
    "(below 0.1) and how often open (above 0.9). At the upper left it is nearly always open, at the "
    "lower right nearly always shut, at the lower left it hovers between. A forget gate that is "
    "always open is a perfect memory. After Karpathy, Johnson and Li (2015).",
    "reach": "By how much a prediction would change if an earlier character were a little different: the "
    "gradient of the next character’s log-probability, averaged over many places. A straight fall on "
    "this scale is a memory that fades at a constant rate. After Bengio, Simard and Frasconi (1994), "
    "<cite>Learning long-term dependencies with gradient descent is difficult</cite>.",
    "originality": "The network writes at several temperatures, and each text is searched for stretches that stand "
    "verbatim in the text it was trained on. Some repetition is no copying: people repeat themselves "
    "too, and the last row says how much. Found with a suffix array (Manber and Myers 1993), so "
    "nothing is missed.",
}
"""Markup, by a section's name."""
