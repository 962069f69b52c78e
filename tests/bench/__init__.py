"""`make bench`: what the queue, the database and the web cost on top of the network.

Everything is measured in one run, in turn, on throwaway systems; figures that matter are ratios.
"""
