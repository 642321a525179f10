//! Inner loops, compiled for the vector units of the processor at hand.

use pulp::Arch;

/// Computes `out += factor * row`.
pub fn add_scaled(out: &mut [f32], factor: f32, row: &[f32]) {
    struct AddScaled<'a>(&'a mut [f32], f32, &'a [f32]);
    impl pulp::NullaryFnOnce for AddScaled<'_> {
        type Output = ();
        #[inline(always)]
        fn call(self) {
            let Self(out, factor, row) = self;
            out.iter_mut().zip(row).for_each(|(out, value)| *out += factor * value);
        }
    }
    Arch::new().dispatch(AddScaled(out, factor, row));
}

/// The sum `sum_k a_k b_k c_k` over three vectors of equal length.
pub fn dot_weighted(a: &[f32], b: &[f32], c: &[f32]) -> f32 {
    const LANES: usize = 16;
    struct Dot<'a>(&'a [f32], &'a [f32], &'a [f32]);
    impl pulp::NullaryFnOnce for Dot<'_> {
        type Output = f32;
        #[inline(always)]
        fn call(self) -> f32 {
            let Self(a, b, c) = self;
            let mut sums = [0f32; LANES];
            let chunks =
                a.chunks_exact(LANES).zip(b.chunks_exact(LANES)).zip(c.chunks_exact(LANES));
            for ((a, b), c) in chunks {
                for (((sum, a), b), c) in sums.iter_mut().zip(a).zip(b).zip(c) {
                    *sum += a * b * c;
                }
            }
            let rest = a.len() / LANES * LANES;
            let tail = a[rest..].iter().zip(&b[rest..]).zip(&c[rest..]);
            sums.iter().sum::<f32>() + tail.map(|((a, b), c)| a * b * c).sum::<f32>()
        }
    }
    assert!(a.len() == b.len() && a.len() == c.len());
    Arch::new().dispatch(Dot(a, b, c))
}

/// The number of values that are at least `threshold`.
pub fn count_at_least(values: &[f32], threshold: f32) -> usize {
    struct Count<'a>(&'a [f32], f32);
    impl pulp::NullaryFnOnce for Count<'_> {
        type Output = usize;
        #[inline(always)]
        fn call(self) -> usize {
            let Self(values, threshold) = self;
            // Short sums in `u32` vectorize well.
            values
                .chunks(4_096)
                .map(|values| {
                    values.iter().map(|value| u32::from(*value >= threshold)).sum::<u32>() as usize
                })
                .sum()
        }
    }
    Arch::new().dispatch(Count(values, threshold))
}

/// Adds `A'(A x)` to `product` for `WIDTH` columns of x. `rows` are the sparse rows of A; `x` and
/// `product` are columns of A x `WIDTH`.
pub(crate) fn multiply_slab_by_gram<'a, const WIDTH: usize>(
    rows: impl Iterator<Item = (&'a [u32], &'a [f32])>,
    x: &[[f32; WIDTH]],
    product: &mut [[f32; WIDTH]],
) {
    struct Slab<'x, I, const WIDTH: usize>(I, &'x [[f32; WIDTH]], &'x mut [[f32; WIDTH]]);
    impl<'a, I: Iterator<Item = (&'a [u32], &'a [f32])>, const WIDTH: usize> pulp::NullaryFnOnce
        for Slab<'_, I, WIDTH>
    {
        type Output = ();
        #[inline(always)]
        fn call(self) {
            let Self(rows, x, product) = self;
            for (columns, values) in rows {
                let mut sum = [0f32; WIDTH];
                for (&column, &value) in columns.iter().zip(values) {
                    let source = &x[column as usize];
                    sum.iter_mut().zip(source).for_each(|(sum, source)| *sum += value * source);
                }
                for (&column, &value) in columns.iter().zip(values) {
                    let target = &mut product[column as usize];
                    target.iter_mut().zip(&sum).for_each(|(target, sum)| *target += value * sum);
                }
            }
        }
    }
    Arch::new().dispatch(Slab(rows, x, product));
}
