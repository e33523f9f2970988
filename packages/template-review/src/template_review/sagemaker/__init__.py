# SPDX-License-Identifier: Apache-2.0
"""SageMaker pipelines and the gates in them."""
