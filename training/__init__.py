"""How models/maskcam.tflite is made: data, augmentation, network, training, export.

Runs in its own environment (training/requirements.txt); no unit installs it.
"""
