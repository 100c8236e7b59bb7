"""The runtime that a component receives: the state it reads, the questions it asks, the frames it writes."""
