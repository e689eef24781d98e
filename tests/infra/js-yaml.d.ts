/** Comes with @pulumi/pulumi, without types. */
declare module 'js-yaml' {
  const yaml: { load(text: string): unknown; dump(value: unknown, options?: object): string }
  export default yaml
}
