"""Commands for developers: figures, training, chaos and pictures. Run through `make`."""
