r"""Identities and definitions of mathematics, as rules of ``helpers.data.synthetic.grammar``: most are short."""

MATHEMATICS = r"""
analysis
  3 @f1 ( @x1 ) = @polynomial
  3 @f1 ( @x1 ) = @series
  3 @f1 ( @x1 ) = @fn ( @polynomial )
  3 @f1 ( @x1 ) = \int _ { @c1 } ^ { @x1 } @f2 ( @x2 ) d @x2
  3 @f1 @prime ( @x1 ) = @expr
  2 @f1 ^ { \prime } ( @x1 ) = @f2 ( @x1 )
  2 \frac { d } { d @x1 } @fn @x1 = @expr
  3 \int _ { @c1 } ^ { @c2 } @f1 ( @x1 ) d @x1 = @value
  3 \int _ { 0 } ^ { \infty } @integrand d @x1 = @value
  3 \int @integrand \, d @x1 = @value
  2 \int _ { - \infty } ^ { \infty } e ^ { - @c1 @x1 ^ { 2 } } d @x1 = \sqrt { \frac { \pi } { @c1 } }
  2 \oint _ { @g1 } @f1 ( @x1 ) d @x1 = 2 \pi i \, @value
  3 \sum _ { @n1 = 1 } ^ { @N1 } @summand = @value
  3 \sum _ { @n1 = 0 } ^ { \infty } @summand = @value
  2 \prod _ { @n1 = 1 } ^ { @N1 } @summand = @value
  2 \lim _ { @x1 \to @point } @f1 ( @x1 ) = @value
  2 \lim _ { @x1 \rightarrow 0 } \frac { @trig @x1 } { @x1 } = @value
  2 e ^ { i @x1 } = \cos @x1 + i \sin @x1
  2 e ^ { @x1 } = \sum _ { @n1 = 0 } ^ { \infty } \frac { @x1 ^ { @n1 } } { @n1 ! }
  2 \sin ^ { 2 } @x1 + \cos ^ { 2 } @x1 = 1
  2 @trig ( @x1 @pm @x2 ) = @expr
  2 @trig ^ { 2 } @x1 = \frac { 1 @pm \cos 2 @x1 } { 2 }
  2 \Gamma ( @x1 + 1 ) = @x1 \Gamma ( @x1 )
  2 \zeta ( @x1 ) = \sum _ { @n1 = 1 } ^ { \infty } \frac { 1 } { @n1 ^ { @x1 } }
  2 @f1 ( @x1 ) = @f1 ( @c1 ) + @f1 ^ { \prime } ( @c1 ) ( @x1 - @c1 ) + @dots
  2 @f1 ( @x1 ) \sim @asymptotics
  2 @f1 ( @x1 , @x2 ) = @expr
  2 \hat { @f1 } ( @x2 ) = \int @f1 ( @x1 ) e ^ { - i @x2 @x1 } d @x1
  2 \int _ { @g1 } d @f1 = \int _ { \partial @g1 } @f1
  2 \nabla ^ { 2 } @f1 = @driven
  2 \Delta @f1 + @c1 @f1 = @driven
  2 @f1 ( @x1 ) = O ( @x1 ^ { @number } )
  2 @x1 = \frac { - @c2 \pm \sqrt { @c2 ^ { 2 } - 4 @c1 @c3 } } { 2 @c1 }
  2 @c1 @x1 ^ { 2 } + @c2 @x1 + @c3 = 0
  2 @x1 ^ { 2 } + @x2 ^ { 2 } = @c1 ^ { 2 }
  2 \frac { @x1 ^ { 2 } } { @c1 ^ { 2 } } @pm \frac { @x2 ^ { 2 } } { @c2 ^ { 2 } } = 1
  2 ( @x1 @pm @x2 ) ^ { 2 } = @x1 ^ { 2 } @pm 2 @x1 @x2 + @x2 ^ { 2 }
  2 @x1 ^ { @n1 } = @expr
  2 @x1 _ { @n1 + 1 } = @step
  2 \log ( @x1 @x2 ) = \log @x1 + \log @x2
  2 @x1 = @x2 \cos @x3 , @gap @x2 = @expr
  1 \pi \approx 3 . 1 4
  1 \Theta ( @x1 ) = \int _ { 0 } ^ { @x1 } @integrand d @x2
polynomial
  5 @c1 @x1 + @c2
  4 @c1 @x1 ^ { 2 } @pm @c2
  3 @c1 @x1 ^ { 2 } + @c2 @x1 + @c3
  3 @x1 ^ { @number } - @number @x1
  2 1 @pm @x1 ^ { 2 }
  2 ( @x1 - @c1 ) ^ { @number }
  2 @c1 _ { 0 } + @c1 _ { 1 } @x1 + @dots
  2 @isum
series
  3 \sum _ { @n1 = 0 } ^ { \infty } @c1 _ { @n1 } @x1 ^ { @n1 }
  3 \sum _ { @n1 } @summand
  2 1 + @x1 + \frac { @x1 ^ { 2 } } { 2 } + @dots
  2 @c1 _ { 0 } + @c1 _ { 1 } @x1 + @c1 _ { 2 } @x1 ^ { 2 } + @dots
  2 1 - \frac { @x1 ^ { 2 } } { 2 ! } + O ( @x1 ^ { @number } )
  2 @sum + { \cal O } ( @x1 ^ { @number } )
integrand
  3 e ^ { - @c1 @x1 }
  3 @f1 ( @x1 )
  3 \frac { @polynomial } { @polynomial }
  2 @x1 ^ { @n1 } e ^ { - @x1 }
  2 \frac { @fn @x1 } { @x1 }
  2 \sqrt { @polynomial }
  2 @fn ( @c1 @x1 )
  2 @factors
summand
  3 \frac { 1 } { @n1 ^ { @number } }
  3 @c1 _ { @n1 }
  2 @n1 ^ { @number }
  2 \frac { @x1 ^ { @n1 } } { @n1 ! }
  2 ( - 1 ) ^ { @n1 } @c1 _ { @n1 }
  2 @f1 _ { @n1 } ( @x1 )
  2 ( 1 - q ^ { @n1 } )
  2 @factors
value
  4 @c1
  3 \frac { 1 } { @c1 }
  3 \frac { \pi } { @number }
  2 \frac { \pi ^ { 2 } } { 6 }
  2 @number \pi
  2 1
  2 0
  2 \infty
  2 \frac { @n1 ( @n1 + 1 ) } { 2 }
  2 @f1 ( @c2 ) - @f1 ( @c1 )
  2 \frac { \sqrt { \pi } } { @number }
  2 @call
  5 @expr
point
  2 0
  2 \infty
  1 @c1
  1 0 ^ { + }
asymptotics
  3 @x1 ^ { - @c1 }
  3 e ^ { - @c1 @x1 }
  2 \frac { @c1 } { @x1 }
  2 @c1 \ln @x1
  2 @factors
step
  3 @f1 ( @x1 _ { @n1 } )
  3 @c1 @x1 _ { @n1 } ( 1 - @x1 _ { @n1 } )
  2 @x1 _ { @n1 } + @x1 _ { @n1 - 1 }
  2 @x1 _ { @n1 } - \frac { @f1 ( @x1 _ { @n1 } ) } { @f1 ^ { \prime } ( @x1 _ { @n1 } ) }
  2 @expr
algebra
  3 @x1 _ { @i1 } @x1 _ { @i2 } = @x1 _ { @i2 } @x1 _ { @i1 }
  3 @O1 _ { @i1 @i2 } = @signed @O1 _ { @i2 @i1 }
  3 @O1 ^ { T } @O1 = @unity
  3 @O1 @O2 = @sign @O2 @O1
  3 @O1 @O1 ^ { - 1 } = @unity
  3 @O1 = @O2 ^ { - 1 } @O3 @O2
  3 @O1 @vector = @c1 @vector
  2 \det ( @O1 - @c1 @unity ) = 0
  2 \det @O1 = @quantity
  2 @tr @O1 = \sum _ { @i1 } @c1 _ { @i1 }
  2 @tr ( @O1 @O2 ) = @tr ( @O2 @O1 )
  2 @g1 = @manifold
  3 @g1 \in @manifold
  10.8 @g1 \subset @manifold
  2 @g1 \cong @manifold / @manifold
  3 @g1 = @manifold \times @manifold
  2 @f1 : @g1 \rightarrow @g2
  2 @f1 : @g1 \to @manifold
  2 @f1 \colon @g1 \to @g2
  2 \gcd ( @n1 , @n2 ) = @digit
  1.5 @x1 \land @x2 = @x2 \land @x1
  2 @f1 : \ @x1 \mapsto @iterm
  3.6 @x1 \in @g1 \cup @g2
  7.2 @g1 \cap @g2 = \emptyset
  3.6 @g1 \cup @g2 = @g3
  2 @g1 \setminus @g2 = @set
  4 @g1 \subseteq @g2
  3.6 @g1 \supset @g2
  3.6 @g1 \supseteq @g2
  2 @g1 = @set
  2 \forall @x1 \in @g1 : @expr @compare @c1
  3.6 \exists @x1 \in @g1 : @expr = 0
  3.6 @x1 \notin @g1
  1.8 @x1 \not \in @g1
  4.5 @g1 \ni @x1
  9 \neg ( @x1 \wedge @x2 ) = \neg @x1 \vee \neg @x2
  1 @x1 \vee @x2 = @x2 \vee @x1
  1 @x1 \perp @x2
  1 @x1 \parallel @x2
  2 @f1 \circ @f2 = @expr
  2 ( @f1 \circ @f2 ) ( @x1 ) = @f1 ( @f2 ( @x1 ) )
  2 @x1 \otimes @x2 = @expr
  2 d @f1 = @expr
  2 d @f1 + @f1 \wedge @f1 = 0
  2 @f1 \wedge @f2 = ( - 1 ) ^ { @n1 @n2 } @f2 \wedge @f1
  2 @binomial = \frac { @n1 ! } { @n2 ! ( @n1 - @n2 ) ! }
  2 ( @x1 + @x2 ) ^ { @n1 } = \sum _ { @n2 = 0 } ^ { @n1 } \binom { @n1 } { @n2 } @x1 ^ { @n2 } @x2 ^ { @n1 - @n2 }
  2 @x1 \equiv @c1 \pmod { @n1 }
  6 @x1 = @c1 \bmod @n1
  2 | @x1 + @x2 | \leq | @x1 | + | @x2 |
  2 \| @x1 \| ^ { 2 } = \langle @x1 , @x1 \rangle
  2 \Vert @O1 @x1 \Vert \leq @c1 \Vert @x1 \Vert
  2 \dim @g1 = @quantity
  2 @O1 ^ { 2 } = @O1
  2 @O1 ^ { 2 } = @O2 ^ { 2 } = @digit
  2 @n1 = @digit , @digit , @dots , @N1
  1 P ( @x1 | @x2 ) = \frac { P ( @x1 , @x2 ) } { P ( @x2 ) }
  1 \bar { @x1 } = \frac { 1 } { @N1 } \sum _ { @i1 } @x1 _ { @i1 }
  1 \sigma ^ { 2 } = \langle @x1 ^ { 2 } \rangle - \langle @x1 \rangle ^ { 2 }
  1 \delta _ { @i1 @i2 } = @cases
  1 \triangle @g \sim \triangle @g
  3.6 \angle @g = @digit @digit ^ { \circ }
  1 \partial ^ { 2 } = 0
  1 H ^ { @n1 } ( @g1 , { \bf Z } ) = 0
  3.6 \# @g1 = @n1
  1 @set
sign
  2 -
  2 @c1
  1 q
  1 q ^ { @number }
unity once
  3 1
  3 I
  1 { \bf 1 }
  1 \mathbf { 1 }
  1 \mathrm { 1 }
manifold
  3 S U ( @groupsize )
  2 S O ( @groupsize )
  1 U ( 1 )
  1 S p ( @groupsize )
  1 S L ( 2 , @numbers )
  1 \mathrm { S U } ( @groupsize )
  1 E _ { @digit }
  1 @numbers ^ { @n1 }
  1 @numbers
  1 \mathrm { A u t } ( @g1 )
  1 T ^ { * } @g1
  1 S ^ { @number }
  3.6 @numbers \backslash \{ 0 \}
groupsize
  3 2
  3 N
  2 3
  1 @n1
  1 1 , 3
  1 2 , 1
numbers once
  3 \mathbb { R }
  2 { \bf R }
  2 \mathbf { Z }
  2 { \bf C }
  1 \mathbb { C }
  1 { \cal H }
set
  3 \{ @x1 , @x2 , @x3 \}
  3 \{ @x1 _ { 1 } , @dots , @x1 _ { @n1 } \}
  3 \{ @x1 \in @g1 | @isum @compare 0 \}
  2 \{ @x1 \mid @isum = 0 \}
  2 \left\{ @x1 \in @g1 : @isum @compare @c1 \right\}
  1 \left\{ @x1 _ { @i1 } \right\}
"""
