# SPDX-License-Identifier: Apache-2.0
"""The rehearsal: the real deployment, training, rollout and camera code against a local AWS.

It drives every other part and nothing imports it.
"""

from contracts.silence import keep_silent

keep_silent()
