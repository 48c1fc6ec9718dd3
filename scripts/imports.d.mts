interface SourceFile {
  readonly file: string;
  readonly imports: readonly string[];
}
export const sourceImports: () => readonly SourceFile[];
export const importedPackages: () => string[];
