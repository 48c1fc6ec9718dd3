export const halfKernels: () => Readonly<
  Record<'cpu' | 'cuda', Readonly<Record<'float16' | 'bfloat16', readonly string[]>>>
>;
export const source: () => string;
