"""What a bare machine needs before the first night; runs on the system's Python, standard library only."""
