import * as iam from 'aws-cdk-lib/aws-iam';
import * as s3 from 'aws-cdk-lib/aws-s3';
import { Duration, RemovalPolicy } from 'aws-cdk-lib/core';
import { Construct } from 'constructs';
import { REJECTED_PREFIX, RENDITIONS_PREFIX } from '../../workload/contract';
import { config } from '../config';

/**
 * Defines the bucket that pictures are uploaded to and the bucket that results are written to. Two, because a worker
 * that could write where it is triggered could trigger itself.
 *
 * Both are emptied and deleted with the stack. That is right for a sandbox and wrong for anybody's pictures: for those,
 * drop the two lines that say so.
 */
export class ImageBuckets extends Construct {
  readonly source: s3.Bucket;
  readonly output: s3.Bucket;

  constructor(scope: Construct, id: string) {
    super(scope, id);
    const bucket = (name: string, expiration: Duration) =>
      new s3.Bucket(this, name, {
        blockPublicAccess: s3.BlockPublicAccess.BLOCK_ALL,
        encryption: s3.BucketEncryption.S3_MANAGED,
        enforceSSL: true,
        objectOwnership: s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
        lifecycleRules: [{ expiration, abortIncompleteMultipartUploadAfter: Duration.days(1) }],
        removalPolicy: RemovalPolicy.DESTROY,
        autoDeleteObjects: true,
      });
    this.source = bucket('Source', config.sourceExpiration);
    this.output = bucket('Output', config.outputExpiration);
    this.requireDefaultStorage();
  }

  /**
   * Lets nobody store an upload otherwise than the bucket does by default. An uploader could ask for a storage class that
   * has to be restored before it is read (GLACIER), or for a key that the worker does not have (SSE-KMS, SSE-C): such an
   * object would be tried five times and end in the failure queue. The other storage classes can be read, but cost more
   * here: by the object, by the reading, or for a month and longer where uploads stay for 16 days.
   *
   * The output bucket needs none of this: only the worker writes there, and it asks for nothing.
   *
   * @see https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html
   */
  private requireDefaultStorage(): void {
    const sent = (header: string) => ({ Null: { [`s3:${header}`]: 'false' } });
    // `StringNotEquals` alone, with `IfExists` or without, would also hold for a header that is not sent, and deny every
    // ordinary upload.
    const sentAndNot = (header: string, value: string) => ({
      ...sent(header),
      StringNotEquals: { [`s3:${header}`]: value },
    });
    const refused = [
      sentAndNot('x-amz-storage-class', 'STANDARD'),
      sentAndNot('x-amz-server-side-encryption', 'AES256'),
      sent('x-amz-server-side-encryption-customer-algorithm'),
    ];
    for (const conditions of refused) {
      this.source.addToResourcePolicy(
        new iam.PolicyStatement({
          effect: iam.Effect.DENY,
          principals: [new iam.AnyPrincipal()],
          actions: ['s3:PutObject'],
          resources: [this.source.arnForObjects('*')],
          conditions,
        }),
      );
    }
  }

  /** Grants what the job does, action by action: `grants.read()` and `grants.put()` would allow a dozen more. */
  grantResize(worker: iam.IGrantable): void {
    this.source.grants.actionsOnObjectKeys(worker, `${config.sourcePrefix}*`, 's3:GetObject');
    for (const prefix of [RENDITIONS_PREFIX, REJECTED_PREFIX]) {
      // Get, because a conditional write compares the version that is there: when a picture is uploaded again, when an
      // event is delivered twice, and when two workers have one.
      this.output.grants.actionsOnObjectKeys(worker, `${prefix}*`, 's3:GetObject', 's3:PutObject');
    }
    // Without it S3 answers 403 for an object that is not there, and what was deleted meanwhile would look forbidden: an
    // upload before it was read, a result between two looks at it.
    const resourceArns = [this.source.bucketArn, this.output.bucketArn];
    iam.Grant.addToPrincipal({ grantee: worker, actions: ['s3:ListBucket'], resourceArns });
  }
}
