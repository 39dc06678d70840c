"""Memory: layout on disk, atomic writing, reading, catalogue. Readers execute nothing that they find."""
