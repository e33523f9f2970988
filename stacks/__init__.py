# SPDX-License-Identifier: Apache-2.0
"""The four stacks of an environment: thin compositions of what infra/ offers."""
