"""The gate: is this a frontal chest X-ray?"""
