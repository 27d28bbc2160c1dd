/** A stack with one custom resource whose function writes down what it was sent, and with which code. */
import { App, CustomResource, Stack } from 'aws-cdk-lib';
import { Code, Function as LambdaFunction, Runtime } from 'aws-cdk-lib/aws-lambda';

const app = new App();
const version = app.node.getContext('version') as string;
const fails = app.node.tryGetContext('fails') ?? 'nothing';

const stack = new Stack(app, 'events');
const handler = new LambdaFunction(stack, 'Handler', {
  runtime: Runtime.NODEJS_22_X,
  handler: 'index.handler',
  code: Code.fromInline(`
exports.handler = async (event) => {
  console.log(JSON.stringify({ code: ${JSON.stringify(version)}, type: event.RequestType,
    now: event.ResourceProperties.version, before: event.OldResourceProperties?.version }));
  const status = event.ResourceProperties.fails === event.RequestType ? 'FAILED' : 'SUCCESS';
  await fetch(event.ResponseURL, { method: 'PUT', body: JSON.stringify({
    Status: status, Reason: 'told to fail', PhysicalResourceId: 'one', StackId: event.StackId,
    RequestId: event.RequestId, LogicalResourceId: event.LogicalResourceId }) });
};`),
});
new CustomResource(stack, 'Resource', { serviceToken: handler.functionArn, properties: { version, fails } });
