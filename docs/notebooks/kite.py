# %% [markdown]
# # Kite
# $x^2$ text

# %%
print("hello")
# %%
import matplotlib.pyplot as plt
plt.plot([1,2])
