"""Where the chest is in the picture: the frame that the network sees, whatever the film's."""
