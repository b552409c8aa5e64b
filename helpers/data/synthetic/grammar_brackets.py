r"""What stands in brackets of made-up formulas: arguments, groups, as rules of ``helpers.data.synthetic.grammar``."""

BRACKETS = r"""
call
  12 @f ( @x )
  8 @f ( @argument )
  4 @f _ { @low } ( @argument )
  2 @f ^ { @high } ( @argument )
  1.5 @f _ { @low } ^ { @high } ( @argument )
  2 @T ( @argument )
  2 @accented ( @argument )
  1 @script ( @argument )
  2 @f @prime ( @argument )
  1 @T _ { @mu } ( @x )
  1 \Gamma ( @argument )
  1 \Gamma \left( @isum \right)
  1 @f \left( @argument \right)
  .7 @f [ @argument ]
  .7 @f \left[ @argument \right]
  1 \delta ( @x1 - @x2 )
  .7 \delta ^ { ( @number ) } ( @x1 - @x2 )
  .7 \theta ( @isum )
  .5 \zeta ( @isum )
  .5 @f \bigl ( @argument \bigr )
  .4 @f \Bigl ( @argument \Bigr )
  .4 @f \big ( @argument \big )
  .4 @f ( \vec { @V } )
  .3 @f \Big [ @argument \Big ]
argument
  14 @x
  7 @x , @x
  4 @x _ { @digit }
  3 @x _ { @digit } , @x _ { @digit }
  2 @x _ { @i }
  2 @x @prime
  2.5 @isum
  1.5 @x , @argument
  1.5 @x _ { 1 } , @dots , @x _ { @n }
  1 0
  1 - @x
  1 @vector
  1 @vector , @x
  .8 @x ; @x
  .8 @f
  .5 @f , \bar { @f }
  .5 @isum ; @x
  .3 @x | @x
  .3 @x \mid @x
group
  .4 \left\lceil @several \right\rceil
  .3 \left] @several \right[
  14 ( @several )
  9 \left( @many \right)
  7 ( @several ) ^ { @high }
  5 \left( @many \right) ^ { @high }
  5 \left[ @many \right]
  3 [ @several ]
  1.5 \left[ @many \right] ^ { @high }
  1.5 \left\{ @many \right\}
  .6 \{ @several \}
  .7 \Big ( @tall \Big )
  .7 \Bigl ( @tall \Bigr )
  .7 \bigl ( @tall \bigr )
  .5 \big ( @tall \big )
  .5 \big [ @tall \big ]
  .6 \bigg ( @tall \bigg )
  .5 \biggl ( @tall \biggr )
  .5 \biggl [ @tall \biggr ]
  .4 \Bigl [ @tall \Bigr ]
  .4 \Big [ @tall \Big ]
  .4 \bigg [ @tall \bigg ]
  .3 \Bigg ( @tall \Bigg )
  .3 \Biggl ( @tall \Biggr )
  .3 \Biggl [ @tall \Biggr ]
  .3 \Bigg [ @tall \Bigg ]
  .3 \Big \{ @tall \Big \}
  .3 \Bigl \{ @tall \Bigr \}
  .3 \biggl \{ @tall \biggr \}
  .6 \left. @many \right| _ { @x = @digit }
  .3 \left. @many \right\vert _ { @x = 0 }
  .2 \left[ @many \right)
  0.6 \left\lbrace @many \right\rbrace
  0.4 \left\lfloor @several \right\rfloor
  0.4 \lfloor @several \rfloor
  0.4 \lceil @several \rceil
  0.4 \lbrack @several \rbrack
  .1 \left( @several \right]
many
  10 @term + @term
  8 @term - @term
  4 @term + @term + @term
  3 @term - @term - @term
  2 - @term + @term
  1 @term + @sum
several
  10 @iterm + @iterm
  8 @iterm - @iterm
  3 @iterm + @iterm + @iterm
  2 @iterm - @iterm + @iterm
  3 1 - @iterm
  3 1 + @iterm
  2 @x1 - @x2
  2 @iterm + 1
  1 - @iterm + @iterm
tall
  10 @term + @fraction
  8 @term - @fraction
  6 @fraction + @term
  4 @fraction - @term
  3 @term + @term + @fraction
  3 @big + @term
isum
  48 @iterm
  16 @iterm + @iterm
  14 @iterm - @iterm
  4 @iterm + @iterm + @iterm
  3 @iterm - @iterm + @iterm
  1 @iterm + @iterm + @isum
  4 1 - @iterm
  4 1 + @iterm
  2 @iterm + 1
  1 @iterm - 1
  3 @x1 ^ { 2 } + @x2 ^ { 2 }
  1 @n + 1
  2 @x1 - @x2
  1 @x _ { 1 } - @x _ { 2 }
  .4 @iterm \pm @iterm
iterm
  60 @ifactors
  6 @number @ifactors
  1 \pi @ifactors
  .6 @number \pi @ifactors
  1 @ifactor / @ifactor
  .3 @ifactor \cdot @ifactor
ifactors
  30 @ifactor
  22 @ifactor @ifactor
  7 @ifactor @ifactor @ifactor
  1 @ifactor @ifactors
ifactor
  70 @atom
  4 @call
  2.5 ( @several )
  2 ( @several ) ^ { @high }
  2 \sqrt { @isum }
  2 \frac { @iterm } { @iterm }
  1 e ^ { @exponent }
  1.5 @fn @atom
  .7 \partial _ { @mu }
  .3 | @sym |
  .5 \left( @several \right)
  .2 \vert @sym \vert
"""
