"""Content-addressed blocks (safetensors files) and the catalogue of models (SQLite)."""
