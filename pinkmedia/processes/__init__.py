"""What all child processes of the node share: frames, the way to them, and how they are started and end."""
