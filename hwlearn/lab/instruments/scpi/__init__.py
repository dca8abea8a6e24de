"""SCPI over PyVISA: sessions that never give a wrong reading, and the bases of drivers that send messages."""
