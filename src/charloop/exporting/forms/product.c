/* y += W x in WebAssembly: the products of the web page.

   clang --target=wasm32 -nostdlib -O3 -msimd128 -Wl,--no-entry -Wl,--strip-all -Wl,-z,stack-size=0 \
       -o product.wasm product.c

   The module uses no memory of its own: all of `memory`, once it has grown, is the caller's. */

#include <wasm_simd128.h>

#define ROWS 4
#define SMALL_LOOP _Pragma("clang loop vectorize(disable) unroll(disable)")

static float add_lanes(v128_t v) {
    return (wasm_f32x4_extract_lane(v, 0) + wasm_f32x4_extract_lane(v, 1)) +
           (wasm_f32x4_extract_lane(v, 2) + wasm_f32x4_extract_lane(v, 3));
}

/* Rows together, so that each part of x is read once for all of them. */
static inline __attribute__((always_inline)) void add_rows(
    float *y, const float *w, const float *x, int columns, const int rows) {
    v128_t sums[ROWS];
    int column = 0;
    for (int k = 0; k < rows; k++) sums[k] = wasm_f32x4_const(0, 0, 0, 0);
    SMALL_LOOP
    for (; column + 4 <= columns; column += 4) {
        v128_t part = wasm_v128_load(x + column);
        for (int k = 0; k < rows; k++) {
            v128_t weights = wasm_v128_load(w + k * columns + column);
            sums[k] = wasm_f32x4_add(sums[k], wasm_f32x4_mul(weights, part));
        }
    }
    for (int k = 0; k < rows; k++) {
        float sum = add_lanes(sums[k]);
        SMALL_LOOP
        for (int c = column; c < columns; c++) sum += w[k * columns + c] * x[c];
        y[k] += sum;
    }
}

/* Add the product of w [rows x columns], row by row, and x [columns] to y [rows]: float32 numbers at byte offsets. */
__attribute__((export_name("add_product")))
void add_product(float *y, const float *w, const float *x, int rows, int columns) {
    int row = 0;
    for (; row + ROWS <= rows; row += ROWS) add_rows(y + row, w + row * columns, x, columns, ROWS);
    SMALL_LOOP
    for (; row < rows; row++) add_rows(y + row, w + row * columns, x, columns, 1);
}
