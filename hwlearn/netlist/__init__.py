"""Netlists: read by ngspice after a look at the text, written for ngspice."""
