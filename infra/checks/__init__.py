# SPDX-License-Identifier: Apache-2.0
"""BinsightChecks: the rules that cdk-nag's packs lack, as plain Python over synthesised templates.

One rule is one file in ``rules/``. ``infra.checks.pack`` attaches them all to an app, beside the
other packs; ``python -m infra.checks FOLDER`` checks an assembly that is already written. Nothing
but the pack itself imports the CDK, so that the rules run in milliseconds anywhere.
"""
