"""Maps against lungs, against boxes of findings, and against what decides."""
