# SPDX-License-Identifier: Apache-2.0
"""The contracts between the parts of Binsight, each defined once.

Cloud templates, camera, training, rehearsal and tests import these modules; they import nothing
else from the project. They need only the standard library, and numpy for pictures
(``preprocessing``, ``cut``, ``empty_view``).
"""
