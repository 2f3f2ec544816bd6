import { fromEnv } from '@aws-sdk/credential-provider-env';

/**
 * Takes the place of the SDK's own search in the function's bundle. Lambda hands a function its credentials in
 * variables; files, metadata services and sign-in, where the SDK would look as well, would be more of a script
 * that a cold start reads to the end.
 * @see https://docs.aws.amazon.com/lambda/latest/dg/lambda-intro-execution-role.html
 */
export const defaultProvider = () => fromEnv();
