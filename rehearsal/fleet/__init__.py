# SPDX-License-Identifier: Apache-2.0
"""A simulated fleet: many cameras that enrol, send and fail on one machine.

Each camera is a real client: a certificate of its own, MQTT over mutual TLS, the real IoT policies,
and the camera program's own queue and item numbers on disk. The rest of the camera program (lens
and model) is replaced by a generator of messages and faults from a seed.
"""
