# SPDX-License-Identifier: Apache-2.0
# What a person does with Binsight. `make help` lists it. Everything runs from the project's own
# folders (.venv, node_modules), installed from locks on first use; ENV names a file in environments/.
.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON ?=
ENV ?= dev
PORT ?= 4566
DATASET ?=
WEIGHTS ?=
VIEW ?=
KEEP ?=
SKIP_BAD ?=
SKIP_QUOTAS ?=
QUOTA ?=
TESTS ?=
BASE ?= origin/main

BIN := $(CURDIR)/.venv/bin
export PATH := $(BIN):$(PATH)
export BINSIGHT_ENVIRONMENT := $(ENV)
# Nothing is reported to the makers of what we use, unless you say otherwise (docs/network.md). The CDK
# CLI would tell AWS of its use and ask at a terminal whether there is a newer one: ours is pinned.
export CDK_DISABLE_CLI_TELEMETRY ?= true
export CDK_DISABLE_VERSION_CHECK ?= true
export ORT_DISABLE_TELEMETRY ?= 1
export HF_HUB_DISABLE_TELEMETRY ?= 1
CDK := $(BIN)/cdk
INSTALL := @python="$$(sh tools/choose_python.sh "$(PYTHON)")" && "$$python" -m tools.install
# A typo in the environment's file is told at once, before the CDK CLI has started.
SETTINGS := @"$(BIN)/python" -m tools.check_settings "$(ENV)"
need = $(if $($(1)),,$(error $(1) is empty; pass $(1)=$(2)))

.PHONY: help
help: ## List what can be made
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo "  settings: ENV=$(ENV) (a file in environments/) DATASET=folder VIEW=tray KEEP=1 SKIP_BAD=1 PORT=$(PORT)"

.PHONY: rehearse
rehearse: ## Deploy to a local AWS, train, approve, roll out and sort photos (DATASET=, VIEW=tray, WEIGHTS=, ENV=, KEEP=1)
	$(INSTALL) runtime rehearsal train torch
	@exec "$(BIN)/python" -m rehearsal run --environment "$(ENV)" --dataset "$(DATASET)" --view "$(VIEW)" --weights "$(WEIGHTS)" --port "$(PORT)" --quota "$(QUOTA)" $(if $(KEEP),--keep) $(if $(SKIP_BAD),--skip-bad)

.PHONY: rehearse-down
rehearse-down: ## End a local AWS that KEEP=1 left up
	$(INSTALL) runtime rehearsal train torch
	@exec "$(BIN)/python" -m rehearsal down

.PHONY: camera
camera: ## Run the camera program here and open its page (SOURCE=dir:folder MODEL=model.tar.gz)
	$(call need,SOURCE,dir:folder or v4l2:/dev/video0)$(INSTALL) runtime rehearsal train dev
	@PYTHONPATH=lambda/inference:. exec "$(BIN)/python" -m camera --source "$(SOURCE)" $(if $(MODEL),--model "$(MODEL)") \
	  --bins "environments/$(ENV).toml" --page 127.0.0.1:8080 --open --stay

.PHONY: classify
classify: ## Sort a folder of photos with the camera's own code (MODEL= PHOTOS= OUT=file.jsonl EMPTY=photo)
	$(call need,MODEL,model.tar.gz)$(call need,PHOTOS,folder)$(call need,OUT,file.jsonl)$(INSTALL) runtime rehearsal train dev
	@PYTHONPATH=lambda/inference:. exec "$(BIN)/python" -m camera.classify --model "$(MODEL)" --photos "$(PHOTOS)" \
	  --out "$(OUT)" --bins "environments/$(ENV).toml" $(if $(EMPTY),--empty "$(EMPTY)")

.PHONY: train
train: ## Train on this machine: prepare, train, evaluate (DATASET= WEIGHTS= OUT= APPROVED= EPOCHS= ...)
	$(call need,DATASET,folder of class folders)$(INSTALL) runtime rehearsal train torch
	@exec "$(BIN)/python" -m training.local --dataset "$(DATASET)" --out "$(or $(OUT),.build/training)" --bins "environments/$(ENV).toml" \
	  $(if $(WEIGHTS),--weights "$(WEIGHTS)") $(if $(APPROVED),--approved "$(APPROVED)") $(if $(NETWORK),--network "$(NETWORK)") \
	  $(if $(EPOCHS),--epochs "$(EPOCHS)") $(if $(IMAGE_SIZE),--image-size "$(IMAGE_SIZE)") $(if $(SEED),--seed "$(SEED)")

.PHONY: test
test: lint ## All gates: linters, then every test (TESTS=path narrows it)
	@exec "$(BIN)/python" -m pytest -n 2 --dist loadgroup $(TESTS)

.PHONY: lint
lint: ## Format, lint, types, shell scripts
	$(INSTALL) runtime rehearsal train torch dev
	@exec bash tools/lint.sh

.PHONY: sdk
sdk: ## SageMaker's SDK for tests/sdk and the notebook, in .venv-sdk (800 MB)
	$(INSTALL) runtime rehearsal train torch dev sdk

.PHONY: notebook
notebook: ## Rehearse, then run the training notebook; its executed copy is kept (DATASET=, ENV=)
	$(INSTALL) runtime rehearsal train torch dev sdk
	@exec "$(BIN)/python" -m rehearsal run --environment "$(ENV)" --dataset "$(DATASET)" --weights "$(WEIGHTS)" --port "$(PORT)" \
	  --notebook .rehearsal/trash_sorter.ipynb $(if $(KEEP),--keep) $(if $(SKIP_BAD),--skip-bad)

.PHONY: install
install: ## What deploying needs: the CDK app's packages, Node and the CDK CLI
	$(INSTALL) runtime

.PHONY: synth
synth: install ## Write the templates of ENV to cdk.out
	$(SETTINGS)
	@exec "$(CDK)" synth --quiet

.PHONY: bootstrap
bootstrap: install ## Prepare the account of ENV for the CDK, once per account and region (POLICY=arn,arn)
	$(SETTINGS)
	@exec "$(CDK)" bootstrap $(if $(POLICY),--cloudformation-execution-policies "$(POLICY)")

.PHONY: diff
diff: install ## What a deployment of ENV would change
	$(SETTINGS)
	@exec "$(CDK)" diff

.PHONY: deploy
deploy: ## Deploy ENV to its AWS account; replaces stacks whose first deployment failed
	$(INSTALL) runtime rehearsal
	$(SETTINGS)
	@"$(BIN)/python" -m tools.before_deploy --environment "$(ENV)"
	@exec "$(CDK)" deploy --all

.PHONY: deploy-again
deploy-again: ## Deploy ENV over what an earlier make destroy kept
	$(INSTALL) runtime rehearsal
	$(SETTINGS)
	@"$(CDK)" synth --quiet --output cdk.out/again
	@"$(BIN)/python" -m tools.take_back --environment "$(ENV)" --assembly cdk.out/again
	@exec "$(CDK)" deploy --all --import-existing-resources --app cdk.out/again

.PHONY: upload-dataset
upload-dataset: ## Upload DATASET to ENV's dataset bucket; its manifest starts the training pipeline
	$(call need,DATASET,folder of class folders)$(INSTALL) runtime rehearsal train
	@exec "$(BIN)/python" -m tools.upload_dataset --environment "$(ENV)" --dataset "$(DATASET)" $(if $(SKIP_BAD),--skip-bad) \
	  $(if $(SKIP_QUOTAS),--skip-quotas)

.PHONY: check-quotas
check-quotas: ## Whether the account of ENV may use the machines that it trains on
	$(INSTALL) runtime rehearsal
	@exec "$(BIN)/python" -m tools.quotas --environment "$(ENV)"

.PHONY: destroy
destroy: ## Remove ENV from its AWS account; what is in the way is said first, what is kept in the README
	$(INSTALL) runtime rehearsal
	$(SETTINGS)
	@"$(BIN)/python" -m tools.before_destroy --environment "$(ENV)"
	@exec "$(CDK)" destroy --all

.PHONY: environments
environments: install ## List the environments: place, sizes, removal, approval, cost (CAMERAS=10)
	@exec "$(BIN)/python" -m tools.environments $(if $(CAMERAS),--cameras "$(CAMERAS)")

.PHONY: new-environment
new-environment: install ## Write environments/NAME.toml (NAME= ACCOUNT= REGION= PREFIX= REMOVAL= APPROVAL= EMAIL= BOUNDARY=)
	@exec "$(BIN)/python" -m tools.new_environment --name "$(NAME)" --account "$(ACCOUNT)" --region "$(REGION)" \
	  --prefix "$(PREFIX)" --removal "$(REMOVAL)" --approval "$(APPROVAL)" --email "$(EMAIL)" --boundary "$(BOUNDARY)"

.PHONY: review
review: ## What a change to the templates means, against BASE (a commit or branch)
	$(INSTALL) runtime rehearsal dev
	@exec "$(BIN)/python" -m tools.review --base "$(BASE)"

.PHONY: upgrade-check
upgrade-check: ## Whether an upgrade from the last tag would lose anything stored
	$(INSTALL) runtime rehearsal train torch dev
	@exec "$(BIN)/python" -m tools.upgrade

.PHONY: prove-environments
prove-environments: ## Four copies of dev live at once; every environment and variant by the shipped policies (minutes)
	$(INSTALL) runtime rehearsal train torch dev
	@BINSIGHT_COPIES=all exec "$(BIN)/python" -m pytest tests/environments tests/enforcement/test_environments.py

.PHONY: deploy-pipeline-roles
deploy-pipeline-roles: install ## The roles that GitHub Actions deploys ENV with (REPOSITORY=owner/name, PROVIDER=existing)
	@exec "$(CDK)" deploy --app ".venv/bin/python -m stacks.github_oidc" --output cdk.out/pipeline-roles \
	  -c repository="$(REPOSITORY)" $(if $(PROVIDER),-c provider=$(PROVIDER))

.PHONY: bench
bench: ## Measure: synth against an empty app, findings per resource
	$(INSTALL) runtime rehearsal train torch dev
	@exec "$(BIN)/python" -m benchmarks

.PHONY: permissions
permissions: ## Rehearse every environment and keep which permissions were exercised (ENVIRONMENTS="dev prod", minutes each)
	$(INSTALL) runtime rehearsal train torch dev
	@"$(BIN)/python" -m tests.synth.variants .rehearsal/variants
	@exec "$(BIN)/python" -m rehearsal.permissions.record --port "$(PORT)" --variants .rehearsal/variants $(ENVIRONMENTS)

.PHONY: permissions-page
permissions-page: ## Write docs/permissions.md anew from what was recorded
	$(INSTALL) runtime rehearsal train torch dev
	@exec "$(BIN)/python" -m rehearsal.permissions.record --page-only

.PHONY: snapshots
snapshots: ## Rewrite the committed template snapshots; review the difference yourself
	$(INSTALL) runtime rehearsal train torch dev
	@"$(BIN)/python" -m pytest tests/synth --update-snapshots
	@exec "$(BIN)/python" -m tools.acknowledgements

.PHONY: lock
lock: ## Resolve the dependency groups of pyproject.toml into the locks
	$(INSTALL)
	@exec bash tools/lock.sh
