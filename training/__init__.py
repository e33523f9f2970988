# SPDX-License-Identifier: Apache-2.0
"""What SageMaker runs: prepare, train, evaluate. Each step also runs alone with plain python."""
