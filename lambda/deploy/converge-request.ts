/** From CloudFormation's event to what the engine is asked. Pure. */
import type { ConvergeRequest, FailedDeployment, StackOwner } from '../contract/converge';
import { type DeployRequest, readOldProperties } from '../contract/custom-resource';
import type { Classification, FailedAttempt } from './classify-request';
import type { IsCompleteRequest } from './events';

/** @param stackId `arn:aws:cloudformation:<region>:<account>:stack/<name>/<uuid>` */
export function stackOwnerOf(stackId: string, stackName: string | null = null): StackOwner {
  const [, , , region = '', account = '', resource = ''] = stackId.split(':');
  return { account, region, stackName: stackName ?? resource.split('/')[1] ?? '' };
}

export function convergeRequest(
  event: IsCompleteRequest,
  properties: DeployRequest,
  classified: Pick<Classification, 'direction' | 'failed'>,
): ConvergeRequest {
  return {
    id: event.RequestId,
    startedAt: event.StartedAt,
    namespace: properties.namespace,
    owner: stackOwnerOf(event.StackId, properties.owner),
    beside: properties.beside,
    formerNamespace: readOldProperties(event.OldResourceProperties)?.namespace ?? null,
    adopt: properties.adopt,
    direction: classified.direction,
    manifestHash: properties.manifestHash,
    workload: properties.workload,
    failed: failedDeployment(event, properties, classified.failed),
    undoAfterSuccess: properties.undoAfterSuccess,
    remove: event.RequestType === 'Delete',
    ownerRole: properties.ownerRole,
    baseline: properties.baseline,
  };
}

/** Null where the failed deployment was about another database or namespace: what it did there is out of reach, and kept. */
function failedDeployment(
  event: IsCompleteRequest,
  properties: DeployRequest,
  failed: FailedAttempt | null,
): FailedDeployment | null {
  if (failed === null) return null;
  if (event.RequestType === 'Delete') {
    return { ...failed, manifestHash: properties.manifestHash };
  }
  const deployed = readOldProperties(event.OldResourceProperties);
  if (deployed?.target !== properties.target || deployed.namespace !== properties.namespace) return null;
  return { ...failed, manifestHash: deployed.manifestHash };
}
