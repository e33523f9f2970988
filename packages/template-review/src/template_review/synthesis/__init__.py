# SPDX-License-Identifier: Apache-2.0
"""Trees and the assemblies that are synthesised from them."""
