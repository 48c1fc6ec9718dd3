interface Target {
  readonly types: string;
  readonly default: string;
}
export const modules: Readonly<Record<string, string>>;
export const packageExports: () => Readonly<
  Record<string, string | { readonly import: Target; readonly require: Target }>
>;
export const indexSource: () => string;
