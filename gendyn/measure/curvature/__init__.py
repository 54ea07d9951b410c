"""The Hessian, Gauss-Newton and Fisher matrices as operators, and their spectra."""
