# SPDX-License-Identifier: Apache-2.0
# The commands of Binsight. `make` lists them. Everything runs from the project's own
# folders (.venv, node_modules), installed from locks on first use; ENV names a file in environments/.
.DEFAULT_GOAL := help
SHELL := /bin/bash

# What people pass may hold any letter ($ ` " in a password or a path). Recipes take it from the
# environment, as "$${NAME}", so that neither make nor the shell reads anything into it.
GIVEN := ACCOUNT ADD APPROVAL APPROVED BASE BOUNDARY CAMERA CAMERAS CANARY DATASET DATASET_PROFILE DAYS EMAIL \
  EMPTY ENV EPOCHS EXPECT FLEET FROM HOURS IMAGE_SIZE LOOP MODEL NAME NETWORK OUT PHOTOS POLICY PORT \
  PREFIX PROVIDER PYTHON QUESTION QUOTA REAL REGION REMOVAL REPOSITORY RETIRE REVOKE ROTATE ROTATED \
  SEED SEEDS SOURCE TO VIEW WEIGHTS
# These only say yes, or name what make itself reads.
FLAGS := COVERAGE DRY ENVIRONMENTS FAST KEEP PICTURES PROMOTE RESUME ROLLBACK SKIP_BAD SKIP_QUOTAS STOP TESTS

# Values count on make's command line only: in a shell, PORT, PREFIX, NAME or EMAIL mean other things.
# If the command would use such a variable, it prints a note. It stops where ignoring the variable could do
# what the user did not mean: DRY, MODEL, and an ENV that names an environment.
OF_SHELL := $(foreach name,$(GIVEN) $(FLAGS),$(if $(filter environment,$(origin $(name))),$(name)))
UNUSED := $(if $(OF_SHELL),$(shell awk -v goals='$(subst ','\'',$(MAKECMDGOALS))' -v names='$(OF_SHELL)' \
  -f tools/used_values.awk $(firstword $(MAKEFILE_LIST))))
MEANT := $(filter DRY MODEL $(if $(wildcard $(or $(value BINSIGHT_ENVIRONMENTS),environments)/$(value ENV).toml),ENV),$(UNUSED))
$(if $(MEANT),$(error set in your shell, where make takes no values from: $(MEANT); write make $(MAKECMDGOALS) \
  $(firstword $(MEANT))=…, or unset it))
$(if $(UNUSED),$(warning set in your shell, and not used: $(UNUSED); values stand after make, as in make $(MAKECMDGOALS) \
  $(firstword $(UNUSED))=…))
$(foreach name,$(OF_SHELL),$(eval $(name) :=))
ENV := dev
PORT := 4566
BASE := origin/main
# Coverage costs a third more processor, so it is measured only in CI: GitHub and others set CI.
COVERAGE := $(CI)
$(foreach name,$(GIVEN),$(if $(value $(name)),$(eval override $(name) := $$(value $(name)))$(eval export $(name))))

# What a commit needs. FAST_WITHOUT are the files there that start a local AWS, the CDK or an emulator, or take
# over 5 s of processor; tests/slow.txt lists single tests that are left out as well. The whole gate is `make test`.
FAST_TESTS := tests/camera tests/checks tests/component_artifacts tests/contracts tests/delivery tests/enrolment \
  tests/policies tests/registry_cleanup tests/rollout tests/tools tests/house/test_signal_handlers.py tests/synth/test_layers.py
FAST_WITHOUT := -m "not slow" $(addprefix --ignore=tests/,camera/test_endurance.py camera/test_frame_pacing.py \
  camera/test_processors.py camera/test_regions.py camera/test_same_tensor.py \
  checks/test_pack.py delivery/test_any_ci.py delivery/test_assembly.py delivery/test_execution_policy.py \
  delivery/test_pipeline_roles.py enrolment/test_deployments_over_mqtt.py enrolment/test_fleet_core.py \
  enrolment/test_generated_cameras.py enrolment/test_over_mqtt.py enrolment/test_registry.py enrolment/test_rotate.py \
  rollout/test_bake.py rollout/test_comparison.py rollout/test_control.py rollout/test_machine.py \
  rollout/test_on_local_aws.py rollout/test_rollout_cameras.py tools/test_class_names.py tools/test_pip_settings.py \
  tools/test_quotas.py tools/test_site.py)

BIN := $(CURDIR)/.venv/bin
export PATH := $(BIN):$(PATH)
export BINSIGHT_ENVIRONMENT := $(ENV)
# Python keeps what it compiles, also where an image forbids it: otherwise each of the many processes of a
# test run or a rehearsal compiles the same modules again.
unexport PYTHONDONTWRITEBYTECODE
# Nothing is reported to the makers of what we use, unless you say otherwise (docs/network.md). The CDK
# CLI would tell AWS of its use and ask at a terminal whether there is a newer one: ours is pinned.
export CDK_DISABLE_CLI_TELEMETRY ?= true
export CDK_DISABLE_VERSION_CHECK ?= true
export ORT_DISABLE_TELEMETRY ?= 1
export HF_HUB_DISABLE_TELEMETRY ?= 1
CDK := $(BIN)/cdk
INSTALL := @python="$$(sh tools/choose_python.sh "$${PYTHON}")" && "$$python" -m tools.install
# A typo in the environment's file is reported at once, before the CDK CLI has started.
SETTINGS := @"$(BIN)/python" -m tools.check_settings "$${ENV}"
need = $(if $($(1)),,$(error $(1) is empty; pass $(1)=$(2)))

.PHONY: help
help: ## @sometimes List these commands
	@awk -f tools/help.awk $(MAKEFILE_LIST)
	@printf '\nENV=%s names a file in environments/. docs/index.md is the way into the documentation.\n' "$${ENV}"

.PHONY: rehearse
rehearse: ## @first Deploy to a local AWS, train, roll out, sort photos (DATASET= VIEW= WEIGHTS= ENV= KEEP=1 LOOP=class PROMOTE=1)
	$(INSTALL) runtime rehearsal train torch
	@exec "$(BIN)/python" -m rehearsal run --environment "$${ENV}" --dataset "$${DATASET}" --view "$${VIEW}" --weights "$${WEIGHTS}" --port "$${PORT}" --quota "$${QUOTA}" $(if $(LOOP),--loop "$${LOOP}") $(if $(PROMOTE),--promote) $(if $(KEEP),--keep) $(if $(SKIP_BAD),--skip-bad)

.PHONY: fleet-rehearsal
fleet-rehearsal: ## @sometimes Simulate a fleet on a local AWS (CAMERAS=200 REAL=10 SEED= HOURS=24 KEEP=1; SEEDS=100 for bad models only)
	$(INSTALL) runtime rehearsal train torch
	@exec "$(BIN)/python" -m rehearsal.fleet --environment "$${ENV}" --cameras "$${CAMERAS:-200}" --hours "$${HOURS:-24}" \
	  --port "$${PORT}" $(if $(REAL),--real "$${REAL}") $(if $(SEED),--seed "$${SEED}") $(if $(KEEP),--keep) $(if $(SEEDS),--bad-models --seeds "$${SEEDS}")

.PHONY: rehearse-down
rehearse-down: ## @first Stop a local AWS that KEEP=1 left running
	$(INSTALL) runtime rehearsal train torch
	@exec "$(BIN)/python" -m rehearsal down

.PHONY: rehearse-why
rehearse-why: ## @first Show why the last rehearsal did not finish
	$(INSTALL) runtime rehearsal train torch
	@exec "$(BIN)/python" -m rehearsal why

.PHONY: camera
camera: ## @next Run the camera program and open its page (SOURCE=dir:folder MODEL=)
	$(call need,SOURCE,dir:folder or v4l2:/dev/video0)$(INSTALL) runtime rehearsal train dev
	@exec "$(BIN)/python" -m camera --source "$${SOURCE}" $(if $(MODEL),--model "$${MODEL}") \
	  --bins "environments/$${ENV}.toml" --page 127.0.0.1:8080 --open --stay

.PHONY: classify
classify: ## @next Classify photos with the camera's code (MODEL= PHOTOS=folder OUT=file EMPTY=photo)
	$(call need,MODEL,model.tar.gz)$(call need,PHOTOS,folder)$(call need,OUT,file.jsonl)$(INSTALL) runtime rehearsal train dev
	@exec "$(BIN)/python" -m camera.classify --model "$${MODEL}" --photos "$${PHOTOS}" \
	  --out "$${OUT}" --bins "environments/$${ENV}.toml" $(if $(EMPTY),--empty "$${EMPTY}")

.PHONY: train
train: ## @next Train and evaluate on this machine (DATASET= WEIGHTS= OUT= APPROVED= EPOCHS=)
	$(call need,DATASET,folder of class folders)$(INSTALL) runtime rehearsal train torch
	@exec "$(BIN)/python" -m training.local --dataset "$${DATASET}" --out "$${OUT:-.build/training}" --bins "environments/$${ENV}.toml" \
	  $(if $(WEIGHTS),--weights "$${WEIGHTS}") $(if $(APPROVED),--approved "$${APPROVED}") $(if $(NETWORK),--network "$${NETWORK}") \
	  $(if $(EPOCHS),--epochs "$${EPOCHS}") $(if $(IMAGE_SIZE),--image-size "$${IMAGE_SIZE}") $(if $(SEED),--seed "$${SEED}")

.PHONY: test
test: lint ## @first Run all tests (TESTS=path: some, FAST=1: the quick ones, COVERAGE=1: anew, with coverage)
ifneq ($(TESTS)$(FAST),)
	@exec "$(BIN)/python" -m pytest -n 2 --dist loadgroup $(or $(TESTS),$(FAST_TESTS) $(FAST_WITHOUT))
else ifeq ($(COVERAGE),)
	@exec "$(BIN)/python" -m pytest -n 2 --dist loadgroup
else
	@rm -rf .build/coverage && mkdir -p .build/coverage
	@BINSIGHT_FRESH=1 "$(BIN)/python" -m pytest -n 2 --dist loadgroup --cov --cov-report=
	@exec bash tools/coverage.sh
endif

.PHONY: lint
lint: ## @daily Check format, types, shell scripts and workflows
	$(INSTALL) runtime rehearsal train torch dev
	@exec bash tools/lint.sh

.PHONY: sdk
sdk: ## @sometimes Install SageMaker's SDK for tests/sdk and the notebook (800 MB)
	$(INSTALL) runtime rehearsal train torch dev sdk

.PHONY: notebook
notebook: ## @sometimes Rehearse, then run the training notebook (DATASET= ENV=)
	$(INSTALL) runtime rehearsal train torch dev sdk
	@exec "$(BIN)/python" -m rehearsal run --environment "$${ENV}" --dataset "$${DATASET}" --weights "$${WEIGHTS}" --port "$${PORT}" \
	  --notebook .rehearsal/trash_sorter.ipynb $(if $(KEEP),--keep) $(if $(SKIP_BAD),--skip-bad)

.PHONY: install
install: ## @next Install what deploying needs: the CDK app, Node and the CDK CLI
	$(INSTALL) runtime

.PHONY: synth
synth: install ## @daily Write the templates of ENV to cdk.out
	$(SETTINGS)
	@exec "$(CDK)" synth --quiet

.PHONY: bootstrap
bootstrap: install ## @next Prepare the account of ENV for the CDK, once per region (POLICY=arn)
	$(SETTINGS)
	@exec "$(CDK)" bootstrap $(if $(POLICY),--cloudformation-execution-policies "$${POLICY}")

.PHONY: diff
diff: install ## @daily Show what a deployment of ENV would change
	$(SETTINGS)
	@exec "$(CDK)" diff

.PHONY: deploy
deploy: ## @next Deploy ENV to its AWS account; replaces stacks that failed at creation
	$(INSTALL) runtime rehearsal
	$(SETTINGS)
	@"$(BIN)/python" -m tools.before_deploy --environment "$${ENV}"
	@exec "$(CDK)" deploy --all

.PHONY: deploy-again
deploy-again: ## @sometimes Deploy ENV over what an earlier make destroy kept
	$(INSTALL) runtime rehearsal
	$(SETTINGS)
	@"$(CDK)" synth --quiet --output cdk.out/again
	@"$(BIN)/python" -m tools.take_back --environment "$${ENV}" --assembly cdk.out/again
	@exec "$(CDK)" deploy --all --import-existing-resources --app cdk.out/again

.PHONY: fleet
fleet: ## @daily Show every camera of ENV, and write the page; CAMERA=name shows one camera's day
	$(INSTALL) runtime rehearsal
	@exec "$(BIN)/python" -m tools.fleet --environment "$${ENV}" --camera "$${CAMERA}" --out ".build/fleet-$${ENV}.html"

.PHONY: ask
ask: ## @daily Ask about ENV's archive: QUESTION=name, or all; DAYS=7 OUT=file.json; without QUESTION, list the questions
	$(INSTALL) runtime rehearsal
	@exec "$(BIN)/python" -m tools.ask --environment "$${ENV}" --question "$${QUESTION}" $(if $(DAYS),--days "$${DAYS}") $(if $(OUT),--out "$${OUT}")

.PHONY: upload-dataset
upload-dataset: ## @next Upload DATASET=folder to ENV, which starts the training pipeline
	$(call need,DATASET,folder of class folders)$(INSTALL) runtime rehearsal train
	@exec "$(BIN)/python" -m tools.upload_dataset --environment "$${ENV}" --dataset "$${DATASET}" $(if $(SKIP_BAD),--skip-bad) \
	  $(if $(SKIP_QUOTAS),--skip-quotas)

.PHONY: promote
promote: ## @daily Take an approved model of FROM into TO (MODEL=version DRY=1)
	$(call need,FROM,environment that trains)$(call need,TO,environment that takes its models)$(INSTALL) runtime rehearsal
	@exec "$(BIN)/python" -m tools.promote --source "$${FROM}" --target "$${TO}" --model "$${MODEL}" $(if $(DRY),--dry-run)

.PHONY: enrolment
enrolment: ## @next Make a kit that turns boxes into cameras (OUT=folder CAMERAS=serials.csv DAYS=90)
	$(call need,OUT,folder for the kit)$(INSTALL) runtime rehearsal
	$(SETTINGS)
	@exec "$(BIN)/python" -m tools.enrolment --environment "$${ENV}" --out "$${OUT}" $(if $(CAMERAS),--cameras "$${CAMERAS}") $(if $(DAYS),--days "$${DAYS}")

.PHONY: cameras
cameras: ## @daily List, add, move or retire cameras (ADD= CANARY= FLEET= RETIRE= EXPECT= ROTATE= ROTATED= REVOKE= DRY=1)
	$(INSTALL) runtime rehearsal
	$(SETTINGS)
	@exec "$(BIN)/python" -m tools.cameras --environment "$${ENV}" --add "$${ADD}" --canary "$${CANARY}" --fleet "$${FLEET}" \
	  --retire "$${RETIRE}" --expect "$${EXPECT}" --rotate "$${ROTATE}" --rotated "$${ROTATED}" \
	  --revoke "$${REVOKE}" $(if $(DRY),--dry-run)

.PHONY: rollout
rollout: ## @daily Show, stop, resume or roll back model rollouts (STOP=1 RESUME=1 ROLLBACK=1 MODEL= DRY=1)
	$(INSTALL) runtime rehearsal
	$(SETTINGS)
	@exec "$(BIN)/python" -m tools.rollout --environment "$${ENV}" $(if $(STOP),--stop) $(if $(RESUME),--resume) \
	  $(if $(ROLLBACK),--rollback) --model "$${MODEL}" $(if $(DRY),--dry-run)

.PHONY: label
label: ## @daily Label the captures of ENV's cameras on a local page; writes a new manifest (DATASET_PROFILE=)
	$(INSTALL) runtime rehearsal train
	@exec "$(BIN)/python" -m tools.label --environment "$${ENV}" --dataset-profile "$${DATASET_PROFILE}"

.PHONY: check-quotas
check-quotas: ## @next Check that the account of ENV may use the instances that it trains on
	$(INSTALL) runtime rehearsal
	@exec "$(BIN)/python" -m tools.quotas --environment "$${ENV}"

.PHONY: destroy
destroy: ## @sometimes Remove ENV from its AWS account (docs/destroy.md says what is kept)
	$(INSTALL) runtime rehearsal
	$(SETTINGS)
	@"$(BIN)/python" -m tools.before_destroy --environment "$${ENV}"
	@exec "$(CDK)" destroy --all

.PHONY: environments
environments: ## @next List the environments with region, approval and cost (CAMERAS=10)
	$(INSTALL) runtime dev
	@exec "$(BIN)/python" -m tools.environments $(if $(CAMERAS),--cameras "$${CAMERAS}")

.PHONY: new-environment
new-environment: ## @next Write environments/NAME.toml (NAME= ACCOUNT= REGION= PREFIX= REMOVAL= APPROVAL= EMAIL= BOUNDARY=)
	$(INSTALL) runtime dev
	@exec "$(BIN)/python" -m tools.new_environment --name "$${NAME}" --account "$${ACCOUNT}" --region "$${REGION}" \
	  --prefix "$${PREFIX}" --removal "$${REMOVAL}" --approval "$${APPROVAL}" --email "$${EMAIL}" --boundary "$${BOUNDARY}"

.PHONY: review
review: ## @daily Report what a change does to every environment (BASE=commit or branch)
	$(INSTALL) runtime rehearsal dev
	@exec "$(BIN)/python" -m template_review --base "$${BASE}"

.PHONY: upgrade-check
upgrade-check: ## @daily Check that an upgrade from the last release loses no stored data
	$(INSTALL) runtime rehearsal train torch dev
	@exec "$(BIN)/python" -m tools.upgrade

.PHONY: prove-environments
prove-environments: ## @sometimes Deploy copies and variants of the environments side by side (minutes)
	$(INSTALL) runtime rehearsal train torch dev
	@BINSIGHT_COPIES=all exec "$(BIN)/python" -m pytest tests/environments tests/enforcement/test_environments.py

.PHONY: deploy-pipeline-roles
deploy-pipeline-roles: install ## @sometimes Deploy the roles for GitHub Actions (REPOSITORY=owner/name PROVIDER=existing)
	@exec "$(CDK)" deploy --app ".venv/bin/python -m stacks.github_oidc" --output cdk.out/pipeline-roles \
	  -c repository="$${REPOSITORY}" $(if $(PROVIDER),-c provider="$${PROVIDER}")

.PHONY: bench
bench: ## @sometimes Measure synth time and findings per resource
	$(INSTALL) runtime rehearsal train torch dev
	@exec "$(BIN)/python" -m benchmarks

.PHONY: permissions
permissions: ## @sometimes Record which permissions rehearsals use (ENVIRONMENTS="dev prod", minutes)
	$(INSTALL) runtime rehearsal train torch dev
	@"$(BIN)/python" -m tests.synth.variants .rehearsal/variants
	@exec "$(BIN)/python" -m rehearsal.permissions.record --port "$${PORT}" --variants .rehearsal/variants $(ENVIRONMENTS)

.PHONY: permissions-page
permissions-page: ## @sometimes Write docs/permissions.md from the recorded permissions
	$(INSTALL) runtime rehearsal train torch dev
	@exec "$(BIN)/python" -m rehearsal.permissions.record --page-only

.PHONY: snapshots
snapshots: ## @daily Update the committed templates; review the difference yourself
	$(INSTALL) runtime rehearsal train torch dev
	@"$(BIN)/python" -m pytest tests/synth --update-snapshots
	@exec "$(BIN)/python" -m tools.acknowledgements

.PHONY: pictures
pictures: ## @sometimes Draw the pictures of the docs again if the product changed (minutes)
	$(INSTALL) runtime rehearsal train torch dev
	@exec "$(BIN)/python" -m tools.pictures $(PICTURES)

.PHONY: docs
docs: ## @sometimes Build the documentation site into .build/site
	$(INSTALL) runtime rehearsal train torch dev
	@NO_MKDOCS_2_WARNING=1 "$(BIN)/mkdocs" build --quiet --strict
	@echo "Site: file://$(CURDIR)/.build/site/index.html"

.PHONY: reference
reference: ## @sometimes Write docs/reference/, the message schemas and docs/adr/README.md from the code
	$(INSTALL) runtime rehearsal train torch dev
	@"$(BIN)/python" -m contracts.schemas
	@exec "$(BIN)/python" -m tools.reference

.PHONY: lock
lock: ## @sometimes Resolve the dependency groups of pyproject.toml into the locks
	$(INSTALL)
	@exec bash tools/lock.sh
