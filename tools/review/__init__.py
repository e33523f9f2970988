# SPDX-License-Identifier: Apache-2.0
"""`make review`: what a change of this repository would do to every environment, in plain words."""
