// biome-ignore lint/suspicious/noExplicitAny: CloudFormation is not typed. A wrong path is undefined, and the test fails.
export type Json = any;

export interface Resource {
  readonly Type: string;
  readonly Properties: Json;
  readonly DependsOn?: string[];
  readonly DeletionPolicy?: string;
  readonly UpdateReplacePolicy?: string;
  readonly UpdatePolicy?: Json;
}

export interface Template {
  readonly Resources: Record<string, Resource>;
  readonly Outputs: Record<string, { readonly Value: Json; readonly Description: string }>;
  readonly Conditions?: Json;
}

/**
 * A template with its references as text: `<LogicalId>` for `Ref`, `<LogicalId.Arn>` for `Fn::GetAtt`, and what is
 * joined of them as one string. The way in which cdk-nag writes them too.
 */
export function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value;
  const [[key, of] = [], ...others] = Object.entries(value);
  if (others.length === 0) {
    if (key === 'Ref') return `<${of}>`;
    if (key === 'Fn::GetAtt') return `<${[of].flat().join('.')}>`;
    if (key === 'Fn::Sub') {
      const [text, names = {}] = [of].flat();
      return text.replace(/\$\{([^!}]+)\}/g, (_: string, name: string) =>
        name in names ? plain(names[name]) : `<${name}>`,
      );
    }
    if (key === 'Fn::Base64') return plain(of);
    // The address in the ARN of a provider: `<Id>` as well, because it is what the provider is called.
    if (key === 'Fn::Select' && of[0] === 1 && of[1]['Fn::Split']?.[0] === ':oidc-provider/')
      return plain(of[1]['Fn::Split'][1]);
    if (key === 'Fn::Join') {
      const parts = plain(of[1]) as unknown[];
      if (parts.every((part) => typeof part === 'string')) return parts.join(of[0]);
    }
  }
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, plain(each)]));
}
