// SPDX-License-Identifier: Apache-2.0
// Runs the CDK's semantic differ over all pairs of templates in one process: loading its database
// takes longer than comparing. Reads {key: {base, head}} from stdin, writes {key: [change, ...]}.
"use strict";
const fs = require("node:fs");
const { fullDiff } = require("@aws-cdk/cloudformation-diff");
const { loadAwsServiceSpecSync } = require("@aws-cdk/aws-service-spec");

const specification = loadAwsServiceSpecSync();

function stateful(type) {
  const found = type ? specification.lookup("resource", "cloudFormationType", "equals", type) : [];
  return found.length > 0 && found.only().isStateful === true;
}

function changes(base, head) {
  const found = [];
  fullDiff(base, head).resources.forEachDifference((id, change) => {
    const properties = {};
    for (const [name, difference] of Object.entries(change.propertyUpdates)) {
      if (difference.isDifferent) properties[name] = difference.changeImpact;
    }
    const others = Object.entries(change.otherChanges).filter(([, each]) => each.isDifferent);
    found.push({
      id,
      old_type: change.oldResourceType ?? null,
      new_type: change.newResourceType ?? null,
      impact: change.changeImpact,
      properties,
      others: others.map(([name]) => name),
      stateful: stateful(change.oldResourceType) || stateful(change.newResourceType),
    });
  });
  return found;
}

const pairs = JSON.parse(fs.readFileSync(0, "utf8"));
const results = Object.entries(pairs).map(([key, { base, head }]) => [key, changes(base, head)]);
process.stdout.write(JSON.stringify(Object.fromEntries(results)));
