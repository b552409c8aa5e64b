r"""Laws and definitions of physics, as rules of ``helpers.data.synthetic.grammar``: most are short."""

PHYSICS = r"""
mechanics
  3 @x1 = @x2 _ { 0 } @pm @quantity
  3 @K = @quantity
  4 @K = @half @c1 @x1 ^ { 2 }
  3 @K = @half @c1 \dot { @x1 } ^ { 2 } @pm @f ( @x1 )
  3 E = @quantity c ^ { 2 }
  3 E = \frac { p ^ { 2 } } { 2 @c1 } + @f ( @x1 )
  2 E ^ { 2 } = p ^ { 2 } c ^ { 2 } + m ^ { 2 } c ^ { 4 }
  2 E _ { @n1 } = \hbar @c1 ( @n1 + @half )
  3 F = - @quantity @x1
  3 F = - \frac { d @f } { d @x1 }
  3 F = \frac { @c1 @c2 } { @x1 ^ { @number } }
  3 @vector = @c1 @vector
  3 @vector = @vector \times @vector
  3 @vector = @c1 @vector + @vector \times @vector
  2 @vector \cdot @vector = @quantity
  3 \dot { @x1 } = @pace
  3 \ddot { @x1 } + @quantity = @driven
  2 \ddot { @x1 } + @c1 \dot { @x1 } + @c2 ^ { 2 } @x1 = @driven
  3 \dot { @x1 } _ { @i1 } = \{ @x1 _ { @i1 } , H \}
  3 \frac { d @f1 } { d @x1 } = @rate
  2 \frac { d ^ { 2 } @f1 } { d @x1 ^ { 2 } } = @rate
  3 \frac { \partial @f1 } { \partial @x1 } = @rate
  2 \frac { \partial @f1 } { \partial @x1 } + @factor = @driven
  2 \frac { d } { d t } \frac { \partial L } { \partial \dot { @x1 } } = \frac { \partial L } { \partial @x1 }
  2 \frac { d } { d t } \left( \frac { \partial L } { \partial \dot { @x1 } } \right) = @factors
  2 L = @half @c1 \dot { @x1 } ^ { 2 } - @f ( @x1 )
  2 p _ { @i1 } = \frac { \partial L } { \partial \dot { @x1 } _ { @i1 } }
  2 S = \int d t \, L ( @x1 , \dot { @x1 } )
  2 S = k \ln @K
  2 d U = T d S - p d V + \mu d N
  2 p V = N k T
  2 @K = @c1 T ^ { @number }
  2 Z = \sum _ { @n1 } e ^ { - \beta E _ { @n1 } }
  2 Z = @tr e ^ { - \beta @O }
  2 \frac { 1 } { @x1 } + \frac { 1 } { @x2 } = \frac { 1 } { @c1 }
  2 @x1 = @c1 \sin ( @c2 t @pm @c3 )
  2 @x1 ( t ) = @c1 e ^ { - @c2 t } @fn ( @c3 t )
  2 @x1 = @number \pi \sqrt { \frac { @c1 } { @c2 } }
  1 @c1 = @digit . @digit \times 1 0 ^ { @number } \, @font { @unit }
  1 @c1 \approx @digit . @digit \ @font { @unit }
  1 @c1 = @digit ^ { \circ }
  1 @c1 = @number 0 \, @font { @unit } / @font { @unit }
  1 @c1 = @number 5 \%
pace
  2 @quantity
  1 - @quantity
quantity
  4 @c1 @c2
  3 @c1 @x1
  3 @c1 @x _ { @low }
  2 @c1 _ { @low }
  2 \frac { @c1 } { @c2 }
  2 @number @c1 @x1
  2 @c1 ^ { 2 } @x1
  2 @c1 @x1 ^ { @number }
  1 @iterm
pm once
  1 +
  1 -
signed
  1 -
  1 @c
driven
  4 0
  2 @f ( t )
  1 @c1 @fn ( @c2 t )
  1 @atom
  1 @factors
rate
  4 @signed @f1
  3 - @c1 @f1 ^ { @number }
  3 @c1 @f1 ( 1 - @f1 )
  2 @c1 \frac { \partial ^ { 2 } @f1 } { \partial @x2 ^ { 2 } }
  2 @c1 \nabla ^ { 2 } @f1
  2 @f2 ( @x1 )
  2 @c1 @f1 + @c2 @f2
  2 @signed \frac { \partial @f2 } { \partial @x2 }
  3 @expr
unit
  3 m
  2 s
  2 k g
  2 e V
  2 G e V
  2 M e V
  2 T e V
  1 c m
  1 J
  1 K
  1 H z
  1 N
  1 k m
  1 f m
quantum
  6 [ @O1 _ { @i1 } , @O1 _ { @i2 } ] = @result
  5 [ @operator , @operator ] = @result
  4 \{ @operator , @operator \} = @result
  3 [ @O1 _ { @n1 } , @O1 _ { @n2 } ] = ( @n1 - @n2 ) @O1 _ { @n1 + @n2 } @rest
  3 [ @O1 , @O1 ^ { \dagger } ] = 1
  3 [ \hat { @x1 } , \hat { p } ] = i \hbar
  2 \left[ @operator , @operator \right] = @result
  3 @O1 | @state \rangle = @eigen | @state \rangle
  3 \hat { @O1 } | @state \rangle = @eigen | @state \rangle
  3 @O1 \psi = @eigen \psi
  2 i \hbar \frac { \partial \psi } { \partial t } = H \psi
  2 i \frac { d } { d t } | \psi \rangle = \hat { H } | \psi \rangle
  2 @O1 | 0 > = 0
  2 @O1 = @O1 ^ { \dagger }
  2 @O1 ^ { \dagger } = @O1 ^ { - 1 }
  2 @O1 ^ { 2 } = @digit
  3 \langle @O1 \rangle = @tr ( \rho @O1 )
  3 \langle @iterm \rangle = @expr
  3 \langle @state | @O1 | @state \rangle = @quantity
  2 \langle @state | @state \rangle = \delta _ { @i1 @i2 }
  2 < @state | @iterm | @state > = @quantity
  2 | \psi \rangle = \sum _ { @n1 } @c1 _ { @n1 } | @n1 \rangle
  2 | \psi \rangle = @c1 | @state \rangle @pm @c2 | @state \rangle
  2 \sum _ { @n1 } | @n1 \rangle \langle @n1 | = 1
  3 @f1 ( @x1 ) = @c1 e ^ { @exponent }
  2 \Delta @x1 \Delta p \geq \frac { \hbar } { 2 }
  2 \rho = | \psi \rangle \langle \psi |
  2 @O1 ( t ) = e ^ { i H t } @O1 e ^ { - i H t }
  2 U = e ^ { @exponent }
  2 H = @hamilton
  2 H = H _ { 0 } + @c1 @K
  2 @O1 = @c1 ^ { \dagger } @c1 + @half
  1 \sigma _ { @i1 } \sigma _ { @i2 } = \delta _ { @i1 @i2 } + i \epsilon _ { @i1 @i2 @i3 } \sigma _ { @i3 }
  1 J _ { \pm } = J _ { 1 } \pm i J _ { 2 }
  1 @O1 \otimes @O2 = @expr
result
  6 0
  4 i \hbar
  4 i \epsilon _ { @i1 @i2 @i3 } @O1 _ { @i3 }
  3 i f _ { @i1 @i2 } ^ { @i3 } @O1 _ { @i3 }
  3 \delta _ { @i1 @i2 }
  3 i \hbar \delta _ { @i1 @i2 }
  2 \delta _ { @n1 , @n2 }
  2 @c1 @O2
  2 - i @O2 _ { @i1 }
  2 @number \eta ^ { @mu1 @mu2 }
  2 \delta ( @x1 - @x2 )
  2 i \theta ^ { @mu1 @mu2 }
  3 @expr
rest
  2 + \frac { c } { 1 2 } ( @n1 ^ { 3 } - @n1 ) \delta _ { @n1 + @n2 , 0 }
  2 + \frac { c } { 1 2 } @n1 ( @n1 ^ { 2 } - 1 ) \delta _ { @n1 + @n2 }
  1 + @c1 \, @n1 \delta _ { @n1 + @n2 , 0 }
eigen
  4 @c1
  3 E _ { @n1 }
  3 @c1 _ { @n1 }
  2 \sqrt { @n1 + 1 }
  2 \hbar @n1
  1 @quantity
hamilton
  3 \frac { p ^ { 2 } } { 2 m } + @f ( @x1 )
  2 - \frac { \hbar ^ { 2 } } { 2 m } \nabla ^ { 2 } + @f
  2 @c1 \sum _ { @i1 } @O1 _ { @i1 } @O1 _ { @i1 + 1 }
  2 @factors + @factors
fields
  5 @T1 _ { @mu1 @mu2 } = \partial _ { @mu1 } @f1 _ { @mu2 } - \partial _ { @mu2 } @f1 _ { @mu1 } @selfcoupling
  4 \partial _ { @mu1 } @T1 ^ { @mu1 @mu2 } = @source
  3 D _ { @mu1 } @T1 ^ { @mu1 @mu2 } = @source
  3 \nabla _ { @mu1 } @T1 ^ { @mu1 @mu2 } = @source
  3 ( \partial ^ { 2 } + @c1 ^ { 2 } ) @f1 = @driven
  3 ( i \gamma ^ { @mu1 } \partial _ { @mu1 } - m ) \psi = 0
  2 D _ { @mu1 } = \partial _ { @mu1 } @pm @ie @T1 _ { @mu1 }
  3 R _ { @mu1 @mu2 } - @half g _ { @mu1 @mu2 } R = @gravity
  2 d s ^ { 2 } = g _ { @mu1 @mu2 } d x ^ { @mu1 } d x ^ { @mu2 }
  3 d s ^ { 2 } = - d t ^ { 2 } + @f ^ { 2 } ( t ) d \vec { x } ^ { 2 }
  2 d s ^ { 2 } = @line
  2 \delta @T1 _ { @mu1 } = \partial _ { @mu1 } @x1 @variation
  2 \delta @f1 = @varied
  3 @lagrangian = @half \partial _ { @mu1 } @f1 \partial ^ { @mu1 } @f1 - V ( @f1 )
  3 @lagrangian = - \frac { 1 } { 4 } F _ { @mu1 @mu2 } F ^ { @mu1 @mu2 } @matter
  3 @lagrangian = @expr
  3 S = \int d ^ { @number } x \, @expr
  3 S = \int d ^ { @number } x \sqrt { - g } \left( @sum \right)
  2 S = \frac { 1 } { 2 \kappa ^ { 2 } } \int d ^ { @number } x \sqrt { - g } \left[ @sum \right]
  2 T _ { @mu1 @mu2 } = \frac { - 2 } { \sqrt { - g } } \frac { \delta S } { \delta g ^ { @mu1 @mu2 } }
  2 \{ \gamma ^ { @mu1 } , \gamma ^ { @mu2 } \} = 2 \eta ^ { @mu1 @mu2 }
  2 @c1 ( \mu ) = \mu \frac { d @c2 } { d \mu }
  2 \beta ( @c1 ) = @expr
  2 V ( @f1 ) = @c1 ( @f1 ^ { 2 } - @c2 ^ { 2 } ) ^ { 2 }
  2 V ( @f1 ) = @half m ^ { 2 } @f1 ^ { 2 } + \frac { \lambda } { 4 ! } @f1 ^ { 4 }
  2 Z [ J ] = \int { \cal D } @f1 \, e ^ { i S [ @f1 ] + i \int J @f1 }
  2 Z = \int { \cal D } @f1 \, e ^ { - S [ @f1 ] }
  2 \langle @f1 ( @x1 ) @f1 ( @x2 ) \rangle = \frac { @c1 } { | @x1 - @x2 | ^ { 2 @c2 } }
  2 @T1 ( @x1 ) @T1 ( @x2 ) \sim \frac { @c1 } { ( @x1 - @x2 ) ^ { @number } } + @dots
  2 p ^ { @mu1 } p _ { @mu1 } = @signed m ^ { 2 }
  2 @T1 ^ { @mu1 } { } _ { @mu1 } = 0
  2 \nabla \cdot @vector = @quantity
  2 \nabla \times @vector = @signed \frac { \partial @vector } { \partial t }
  2 @f1 \rightarrow @f1 + @varied
  1 * F = \pm F
  1 \Gamma _ { @mu1 @mu2 } ^ { @mu3 } = \Gamma _ { @mu2 @mu1 } ^ { @mu3 }
  1 \frac { d \sigma } { d \Omega } = | @iterm | ^ { 2 }
  1 M ^ { 2 } = \frac { @number } { \alpha ^ { \prime } } ( N - 1 )
  1 H ^ { 2 } = \frac { \dot { a } ^ { 2 } } { a ^ { 2 } } = \frac { 8 \pi G } { 3 } \rho - \frac { k } { a ^ { 2 } }
ie
  2 i e
  2 i g
  1 i
  1 i @c1
selfcoupling
  4 + [ @f1 _ { @mu1 } , @f1 _ { @mu2 } ]
  2 + i g [ @f1 _ { @mu1 } , @f1 _ { @mu2 } ]
  1 + @sum
source
  5 0
  3 J ^ { @mu2 }
  3 @c1 J ^ { @mu2 }
  2 @expr
gravity
  4 @number \pi G T _ { @mu1 @mu2 }
  3 \kappa T _ { @mu1 @mu2 }
  2 - \Lambda g _ { @mu1 @mu2 }
  1 0
line
  2 @f ( r ) d t ^ { 2 } - \frac { d r ^ { 2 } } { @f ( r ) } - r ^ { 2 } d \Omega ^ { 2 }
  2 e ^ { 2 @f } \eta _ { @mu1 @mu2 } d x ^ { @mu1 } d x ^ { @mu2 } + d y ^ { 2 }
  2 - d t ^ { 2 } + @sum
  1 d x ^ { + } d x ^ { - } + @sum
  2 - \left( 1 - \frac { 2 G M } { r } \right) d t ^ { 2 } + @sum
variation
  2 + [ @T1 _ { @mu1 } , @x1 ]
  2 + i [ @x1 , @T1 _ { @mu1 } ]
varied
  3 @c1 @f1
  2 i @c1 ( x ) @f1
  2 \bar { \epsilon } @f2
  2 \epsilon ^ { @mu1 } \partial _ { @mu1 } @f1
  2 @expr
lagrangian once
  5 { \cal L }
  3 \mathcal { L }
  2 L
  1 { \cal L } _ { @font { e f f } }
matter
  4 + \bar { \psi } ( i \gamma ^ { @mu1 } D _ { @mu1 } - m ) \psi
  2 + | D _ { @mu1 } @f1 | ^ { 2 }
  2 + @sum
"""
